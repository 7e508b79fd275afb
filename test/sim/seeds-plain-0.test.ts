/** A quarter of the simulated runs of `npm test`. */
import { runSeeds } from './seeds.js';

runSeeds('plain', 0, 125);
