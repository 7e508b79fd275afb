/** The store's contract, kept by plain files. */
import test from 'ava';
import { storeContract } from './store.js';
import { fileGroupBench } from './file-group-bench.js';

storeContract(test, fileGroupBench);
