/** Addresses and networks, as lists of initiators and the loopback rule read them. */
import test from 'ava';
import { formatAddress, parseAddress } from '#admin';
import { RefusedError } from '#errors';
import { isInside, isLoopback, parseIp, parseNetwork } from '../../../src/admin/ip.js';

const inside = (address: string, network: string): boolean => {
  const bytes = parseIp(address);
  return bytes !== undefined && isInside(bytes, parseNetwork(network));
};

test('an address is inside its network and no other', (t) => {
  t.true(inside('192.0.2.200', '192.0.2.0/24'));
  t.false(inside('192.0.3.1', '192.0.2.0/24'));
  t.true(inside('192.0.3.1', '192.0.2.0/23'));
  t.true(inside('10.1.2.3', '0.0.0.0/0'));
  t.false(inside('2001:db8::1', '0.0.0.0/0'));
  t.true(inside('192.0.2.7', '192.0.2.7'));
  t.false(inside('192.0.2.8', '192.0.2.7'));
  t.true(inside('2001:db8:0:1::5', '2001:db8::/32'));
  t.false(inside('2001:db9::5', '2001:db8::/32'));
  t.true(inside('fe80::1%eth0', 'fe80::/10'));
});
test('a dual-stack socket reports IPv4 as mapped IPv6', (t) => {
  t.true(inside('::ffff:192.0.2.200', '192.0.2.0/24'));
  t.true(isLoopback('::ffff:127.0.0.1'));
});
test('what is no address is none', (t) => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '::1::',
    'g::1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'host',
  ]) {
    t.is(parseIp(text), undefined, text);
  }
  for (const text of ['192.0.2.0/33', 'host/8', '::/129', '1.2.3.4/-1', '1.2.3.4/x']) {
    t.throws(() => parseNetwork(text), { instanceOf: RefusedError }, text);
  }
});
test('loopback is what only this machine reaches', (t) => {
  for (const host of ['127.0.0.1', '127.255.0.3', '::1', 'localhost']) t.true(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'example.com', '::2'])
    t.false(isLoopback(host), host);
});
test('addresses as a person writes them', (t) => {
  const all = ['192.0.2.7', '192.0.2.7:0', '[2001:db8::7]:99', '[::1]', '::1', 'host.example:3261'];
  t.deepEqual(
    all.map((text) => parseAddress(text)),
    [
      { host: '192.0.2.7', port: 3260 },
      { host: '192.0.2.7', port: 0 },
      { host: '2001:db8::7', port: 99 },
      { host: '::1', port: 3260 },
      { host: '::1', port: 3260 },
      { host: 'host.example', port: 3261 },
    ],
  );
  t.is(formatAddress({ host: '::1', port: 1 }), '[::1]:1');
  for (const text of ['', ':3260', '192.0.2.7:99999', '[::1', 'a b', '1.2.3.4:']) {
    t.throws(() => parseAddress(text), { instanceOf: RefusedError }, text);
  }
});
