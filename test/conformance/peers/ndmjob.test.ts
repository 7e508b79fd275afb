/** Amanda's ndmjob with us, in all versions at once. */
import { ndmjobSuite } from './ndmjob-suite.js';

for (const version of [2, 3, 4] as const) ndmjobSuite(version);
