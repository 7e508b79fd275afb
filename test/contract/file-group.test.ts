/** The store's contract, kept by plain files. */
import test from 'ava';
import { brokenCrowds, failingStoreContract } from './failing-store.js';
import { fileGroupBench } from './file-group-bench.js';
import { storeContract } from './store.js';

storeContract(test, fileGroupBench);
failingStoreContract(test, fileGroupBench);
brokenCrowds(test, fileGroupBench);
