/**
 * A verb: one thing that an operator can do, as a row. The command line and (later) REST are skins over the rows; the
 * handlers are bound in service.ts, where a missing one is a compile error.
 */
import type { Parameters, ValuesOf } from './parameter.js';

/** A column of a table, or a line of a single thing. */
export interface Column {
  /** Property of the result. */
  readonly name: string;
  readonly title: string;
  /** `size`: bytes, shown as 2.3 TiB. `yes`: yes or empty. `percent`: 34%. `state`: the state of a thing, and its reason. */
  readonly show?: 'size' | 'yes' | 'percent' | 'state';
}

export interface VerbSpec<P extends Parameters> {
  /** One word, or a word and what is said of it: "ndmp user". */
  readonly noun: string;
  readonly verb: string;
  readonly about: string;
  readonly parameters: P;
  /** Parameters that are given by their place on the command line. */
  readonly places?: readonly (keyof P & string)[];
  /** Arguments of examples, without the noun and the verb. */
  readonly examples: readonly string[];
  /** Takes data away for good: asks a person who sits at a terminal, unless told --yes. */
  readonly destroys?: boolean;
  /** Begins work that takes long: with --wait the command line asks that verb how far it is, and shows what came of it. */
  readonly follow?: string;
  /** How a person is shown the result: rows of a table, one thing, text as it is, or nothing but what `tell` says. */
  readonly view: View;
}
export type View =
  | { readonly as: 'table'; readonly columns: readonly Column[]; readonly empty: string }
  | { readonly as: 'thing'; readonly hide?: readonly string[] }
  | { readonly as: 'text' };

export interface Verb<P extends Parameters = Parameters> extends Omit<VerbSpec<P>, 'places'> {
  readonly name: string;
  readonly places: readonly string[];
}
export const verb = <const P extends Parameters>(spec: VerbSpec<P>): Verb<P> => ({
  ...spec,
  places: spec.places ?? [],
  name: `${spec.noun.replaceAll(' ', '.')}.${spec.verb}`,
});

export type VerbTable = Readonly<Record<string, Verb>>;
type ParametersOf<V> = V extends Verb<infer P> ? P : never;
export type InputOf<V> = ValuesOf<ParametersOf<V>>;

/** What a handler says besides its result, for a person. */
export interface Told {
  /** What was done, in a sentence. */
  note(sentence: string): void;
  /** It worked, but not wholly: exit code 3. */
  warn(sentence: string): void;
}
export type VerbHandlers<T extends VerbTable> = {
  readonly [K in keyof T]: (input: InputOf<T[K]>, told: Told) => Promise<unknown>;
};
