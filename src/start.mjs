/**
 * `npm start`: makes a clone ready to run, then is `tapesilo serve` with the arguments given (`npm start -- --json`). Same
 * process, so signals arrive where they belong.
 */
import { setUp } from './setup.mjs';

const [, , ...args] = process.argv;
try {
  setUp((line) => process.stderr.write(`# ${line}\n`)); // stdout belongs to the ready line
} catch (error) {
  process.stderr.write(`tapesilo: ${error.message}\n`);
  process.exit(1);
}
process.argv = [process.argv[0], 'tapesilo', 'serve', ...args];
await import('../dist/src/main.js');
