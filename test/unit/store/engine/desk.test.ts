/** What a thread of a crew does before it sleeps. */
import test from 'ava';
import { Arena } from '../../../../src/store/engine/arena.js';
import { Desk, deskBytes } from '../../../../src/store/engine/desk.js';
import { Mailbox, mailboxBytes } from '../../../../src/store/engine/mailbox.js';

test('a thread says that it has nothing to do before it sleeps, and not while there is something', (t) => {
  const arena = new Arena();
  const desk = new Desk(arena.allocate(deskBytes).fill(0));
  const [own, common] = [0, 1].map(() => new Mailbox(arena.allocate(mailboxBytes).fill(0)));
  t.assert(own !== undefined && common !== undefined);
  if (own === undefined || common === undefined) return;
  const said: string[] = [];
  const idle = (): void => {
    said.push('idle');
    own.put(8192); // or it would sleep for ever
    t.true(desk.wake());
  };
  common.put(4096);
  t.false(desk.wake());
  t.is(desk.next([own, common], idle), 4096);
  t.deepEqual(said, []);
  t.is(desk.at, 4096);
  t.is(desk.next([own, common], idle), 8192);
  t.deepEqual(said, ['idle']);
});

test('told that no more will come, it does what is there and ends', (t) => {
  const arena = new Arena();
  const memory = arena.allocate(deskBytes).fill(0);
  const [crews, threads] = [new Desk(memory), new Desk(memory)];
  const mailbox = new Mailbox(arena.allocate(mailboxBytes).fill(0));
  mailbox.put(4096);
  crews.end();
  const said: string[] = [];
  const idle = (): void => void said.push('idle');
  t.is(threads.next([mailbox], idle), 4096);
  t.is(threads.next([mailbox], idle), 0);
  t.deepEqual(said, ['idle']);
});
