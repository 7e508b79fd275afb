/** Face of the daemon. */
export { serve } from './daemon.js';
