/** What the rows of several tables of verbs share: forms of what a person types, and of what he is shown. */
import { optional, text } from './parameter.js';
import type { Column } from './verb.js';

export const nameForm = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  form: 'a name of letters, digits, dots and dashes, such as library0',
};
export const addressForm = {
  placeholder: 'ADDR[:PORT]',
  pattern: /^[\w.:%[\]-]{1,255}$/,
  form: 'an address such as 192.0.2.7, 192.0.2.7:3260, [2001:db8::7] or [2001:db8::7]:3260',
};
export const userForm = { pattern: /^[\x21-\x7e]{1,255}$/, form: 'up to 255 characters without blanks' };
export const library = optional(
  text('The library; may be left out when there is one', { placeholder: 'NAME', ...nameForm }),
);

export const column = (name: string, title: string, show?: Column['show']): Column =>
  show === undefined ? { name, title } : { name, title, show };
export const thing = { as: 'thing' } as const;
export const table = (columns: readonly Column[], empty: string) =>
  ({ as: 'table', columns, empty }) as const;
