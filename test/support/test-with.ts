/** Tests that need programs which may not be installed. */
import test, { type Implementation } from 'ava';
import { isInstalled } from './programs.js';

/** Declares a test that needs programs; without them it is skipped, and its title says which are missing. */
export function testWith(programs: readonly string[], title: string, body: Implementation<[]>): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) test(title, body);
  else test.skip(`${title} (not installed: ${missing.join(', ')})`, body);
}
