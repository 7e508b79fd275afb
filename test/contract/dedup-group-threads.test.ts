/** The store's contract, kept by the deduplicating engine when threads work for it. */
import test from 'ava';
import { threadedDedupGroupBench } from './dedup-group-bench.js';
import { failingStoreContract } from './failing-store.js';
import { storeContract } from './store.js';

storeContract(test, threadedDedupGroupBench);
failingStoreContract(test, threadedDedupGroupBench);
