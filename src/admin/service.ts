/**
 * AdminService: what an operator can do, once. Verbs are bound to handlers here; the admin socket, the command line and REST
 * are skins. Verbs that change something take turns, so that each sees what the one before has left.
 */
import { RefusedError } from '#errors';
import { groupVerbs, groupWorkVerbs } from './group-verbs.js';
import { totalCapacity } from './group-views.js';
import type { Installation } from './installation.js';
import { driveVerbs, libraryVerbs, slotVerbs } from './library-verbs.js';
import type { NdmpSite } from './ndmp-site.js';
import { ndmpVerbs } from './ndmp-verbs.js';
import type { Network } from './network.js';
import { readParameters } from './parameter.js';
import { portalVerbs, sessionVerbs, viewServed } from './portal-verbs.js';
import type { Success } from './protocol.js';
import { snapshotVerbs } from './snapshot-verbs.js';
import { tapeCareVerbs } from './tape-care-verbs.js';
import { tapeVerbs } from './tape-verbs.js';
import { initiatorVerbs, lunVerbs, targetVerbs } from './target-verbs.js';
import type { Told, Verb, VerbHandlers } from './verb.js';
import { verbs } from './verbs.table.js';

interface Bound {
  readonly row: Verb;
  readonly run: (input: never, told: Told) => Promise<unknown>;
}
const looking = new Set(['list', 'show', 'map', 'types', 'snapshots']);

export class AdminService {
  readonly #bound = new Map<string, Bound>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    installation: Installation,
    network: Network,
    site: NdmpSite,
    served: { readonly home: string; readonly pid: number },
  ) {
    const handlers: VerbHandlers<typeof verbs> = {
      DAEMON_SHOW: async () => ({
        ...viewServed(installation, network, site, served),
        groups: installation.groups.all.map(({ name, state, folder }) => ({ name, state, folder })),
        capacity: await totalCapacity(installation.groups.all),
      }),
      ...libraryVerbs(installation),
      ...driveVerbs(installation),
      ...slotVerbs(installation),
      ...groupVerbs(installation),
      ...groupWorkVerbs(installation),
      ...tapeVerbs(installation),
      ...snapshotVerbs(installation),
      ...tapeCareVerbs(installation),
      ...targetVerbs(installation, network),
      ...lunVerbs(installation),
      ...portalVerbs(network),
      ...initiatorVerbs(installation, network),
      ...sessionVerbs(installation),
      ...ndmpVerbs(installation, site),
    };
    for (const [key, row] of Object.entries<Verb>(verbs)) {
      this.#bound.set(row.name, { row, run: handlers[key as keyof typeof verbs] });
    }
  }

  /** Does the verb with what came from outside as its input. Throws what went wrong: failureOf says it in words. */
  async perform(verb: string, input: unknown): Promise<Success> {
    const bound = this.#bound.get(verb);
    if (bound === undefined) throw new RefusedError('usage', `There is no verb ${verb.slice(0, 40)}`);
    const values = readParameters(bound.row.parameters, input);
    const notes: string[] = [];
    const warnings: string[] = [];
    const told: Told = {
      note: (sentence) => notes.push(sentence),
      warn: (sentence) => warnings.push(sentence),
    };
    const work = async (): Promise<unknown> => await bound.run(values as never, told);
    const result = looking.has(bound.row.verb) ? await work() : await this.#inTurn(work);
    return { ok: true, result, notes, warnings };
  }
  /** When what changes something now has ended. */
  async settled(): Promise<void> {
    await this.#last;
  }
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined); // whoever asked gets the error
    return await turn;
  }
}
