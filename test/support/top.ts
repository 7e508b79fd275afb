/** The folder of the project. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From dist/test/support. */
export const top = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
