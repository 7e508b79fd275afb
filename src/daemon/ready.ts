/** What the daemon prints when it is ready: one line for a program, or some for a person. */
import type { ServedView } from '#admin';

/** With `json` exactly one line. */
export function readyLines(served: ServedView, json: boolean): string[] {
  if (json) return [JSON.stringify({ ready: true, ...served })];
  const portals = served.portals.map(({ portal }) => portal).join(', ');
  const targets = served.targets.map(({ name, luns }) => {
    const what = luns.map(({ lun, name: unit }) => `${lun} ${unit}`).join(', ');
    return `${name} (LUN ${what})`;
  });
  const ndmp = served.ndmpPortals
    .filter(({ state }) => state === 'open')
    .map(({ portal, tls }) => `${portal}${tls ? ' with TLS' : ''}`);
  return [
    `Ready: ${portals === '' ? 'no portal' : portals}; ${ndmp.length === 0 ? '' : `NDMP on ${ndmp.join(', ')}; `}${targets.length === 0 ? 'no target' : targets.join('; ')}`,
  ];
}
