/** The store's contract, kept by the deduplicating engine with encryption when threads work for it. */
import test from 'ava';
import { threadedSealedGroupBench } from './dedup-group-bench.js';
import { failingStoreContract } from './failing-store.js';
import { storeContract } from './store.js';

storeContract(test, threadedSealedGroupBench);
failingStoreContract(test, threadedSealedGroupBench);
