/** What others may want to know of a drive as it happens. */
import type { Refusal } from './refusal.js';
import type { TapeAlertName } from './tape-alert.table.js';

export type DriveEvent =
  /** A medium became ready: 28/00 to every nexus. */
  | { readonly kind: 'medium-changed' }
  /** The host or an operator unthreaded it; it is still in the bay. */
  | { readonly kind: 'medium-unloaded' }
  /** The robot took it. */
  | { readonly kind: 'medium-removed' }
  | { readonly kind: 'load-refused'; readonly refusal: Refusal }
  | {
      readonly kind: 'tape-alert';
      readonly name: TapeAlertName;
      readonly flag: number;
      readonly active: boolean;
    }
  /** An attribute of the medium was written. */
  | { readonly kind: 'attributes-changed'; readonly partition: number }
  /** Key or modes changed, for whatever reason: 2A/11 to the others. */
  | { readonly kind: 'encryption-changed' }
  | { readonly kind: 'deferred-error' }
  | { readonly kind: 'removal-prevention'; readonly prevented: boolean };
