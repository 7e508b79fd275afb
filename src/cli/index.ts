/** Face of the command line. */
export { run } from './cli.js';
export type { World } from './terminal.js';
