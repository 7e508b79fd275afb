/** `npm run docs`: writes the generated parts of READMEs anew. */
import { writeTapePage } from './tape-docs.js';

await writeTapePage();
