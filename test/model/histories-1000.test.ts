/** Half of the histories of `npm test`. */
import { playHistories } from './histories.js';

playHistories(1000, 2000);
