/** The store's contract, kept by the deduplicating engine. */
import test from 'ava';
import { dedupGroupBench } from './dedup-group-bench.js';
import { failingStoreContract } from './failing-store.js';
import { storeContract } from './store.js';

storeContract(test, dedupGroupBench);
failingStoreContract(test, dedupGroupBench);
