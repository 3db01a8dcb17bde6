import type { JsonObject, Scenario } from '@haldane/core';
import { atTwins } from '../at-twins.ts';
import { networkOf, placeboNetwork, strangersParam } from '../strangers.ts';
import { seededPort } from './seeded-port.ts';

const portOf = ({ port }: JsonObject, runId: string): number => (typeof port === 'number' ? port : seededPort(runId));

/** A port is opened to the world, at a twin of the firewall that nothing stands behind. Whoever watches firewalls must say so. */
export const sgPortOpen: Scenario = atTwins({
  id: 'sg-port-open',
  version: 1,
  about: {
    title: 'A port that nobody needs is opened to strangers at the firewall (in AWS: the security group)',
    when: 'a rule lets strangers in at a port that nothing listens on',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'an alert reaches the owner in time that names the firewall, the port, from where and who did it',
    injection:
      "A twin of the firewall is made for each arm, with the rules of the service's own that name a network; nothing is connected to it. At the experiment's twin one more rule is added, at control's a harmless one, to one address that is nobody's, which must raise no alert. The service's own firewall is only read.",
    undo: 'The rule is taken out again, and the twins are deleted. Whatever Haldane leaves behind carries an expiry that a sweep acts on.',
    detection:
      'An alert "port open" to the owner of the network, with the firewall, the port, the network that is let in, the account and who made the rule. That a twin was made is the heartbeat: an alert whose rule has "heartbeat" in its name must come of it.',
    mapping: { attack: ['T1133'], owasp: ['API8:2023'], cwe: ['CWE-284'] },
  },
  of: 'firewall',
  like: "the service's firewall (in AWS a security group, by name or id) that a twin is made of",
  params: {
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      description: 'the port that is opened; one from 10000 to 65000, drawn for the run, by default',
    },
    from: strangersParam('to whom: documentation (198.51.100.0/24, which is nobody), or world (0.0.0.0/0)'),
  },
  touchedBy: ['infrastructure', 'network', 'permissions', 'detection'],
  mode: 'open-port',
  harm: (params, runId) => ({ mode: 'open-port', port: portOf(params, runId), from: networkOf(params['from']) }),
  placebo: (params, runId) => ({ mode: 'open-port', port: portOf(params, runId), from: placeboNetwork }),
});
