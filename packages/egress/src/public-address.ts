import { BlockList, isIP } from 'node:net';

/** IPv4 networks that are not the internet: this machine, link-local (and with it cloud metadata), private, shared, test, multicast, reserved. */
const inner4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** Within the global unicast 2000::/3: what carries an IPv4 address in it (Teredo, 6to4), what is for benchmarks and documentation. */
const inner6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Where clouds tell an instance's own credentials to any program on it: link-local, and what some clouds use beside it. */
const secretTelling4 = ['169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32'];
const secretTelling6 = ['fe80::/10', 'fd00:ec2::/32', 'fd20:ce::/32'];

const inner = blockListOf(inner4, 'ipv4');
const innerOfGlobal = blockListOf(inner6, 'ipv6');
const global6 = blockListOf(['2000::/3'], 'ipv6');
const metadata4 = blockListOf(secretTelling4, 'ipv4');
const metadata6 = blockListOf(secretTelling6, 'ipv6');

/** Whether an IP address is one of the public internet (IANA's special-purpose registries, RFC 6890). Anything else, also what is no address, is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !inner.check(address, 'ipv4');
  // An IPv4 address in IPv6 clothes is outside 2000::/3, and so refused whatever it is.
  return family === 6 && global6.check(address, 'ipv6') && !innerOfGlobal.check(address, 'ipv6');
}

/** Whether an address is one at which a cloud tells secrets to whoever asks, also in IPv6 clothes. */
export function isSecretTelling(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return metadata4.check(address, 'ipv4');
  return family === 6 && (metadata4.check(address, 'ipv6') || metadata6.check(address, 'ipv6'));
}

function blockListOf(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
