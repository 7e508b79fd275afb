/** The store's contract, kept by the deduplicating engine with encryption. */
import test from 'ava';
import { sealedGroupBench } from './dedup-group-bench.js';
import { failingStoreContract } from './failing-store.js';
import { storeContract } from './store.js';

storeContract(test, sealedGroupBench);
failingStoreContract(test, sealedGroupBench);
