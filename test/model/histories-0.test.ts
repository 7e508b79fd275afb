/** Half of the histories of `npm test`. */
import { playHistories } from './histories.js';

playHistories(0, 1000);
