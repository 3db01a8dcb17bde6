import { arms, type JsonObject, type Scenario, type TwinOrder } from '@haldane/core';
import { seededPort } from './seeded-port.ts';

/** Networks for documentation (RFC 5737): nobody's, so whoever lets them in lets in nobody. */
const nobodysNetwork = '198.51.100.0/24';
/** What control's twin lets in, which must alert nobody: one address of another such network. */
const placeboNetwork = '192.0.2.1/32';

type Params = { readonly like: string; readonly port?: number; readonly from?: 'documentation' | 'world' };

const paramsSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  required: ['like'],
  properties: {
    like: {
      type: 'string',
      minLength: 1,
      description: "the service's firewall (in AWS a security group, by name or id) that a twin is made of",
    },
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      description: 'the port that is opened; one from 10000 to 65000, drawn for the run, by default',
    },
    from: {
      type: 'string',
      asWritten: true,
      enum: ['documentation', 'world'],
      default: 'documentation',
      description: 'to whom: documentation (198.51.100.0/24, which is nobody), or world (0.0.0.0/0)',
    },
  },
};

function orderOf(params: JsonObject): TwinOrder {
  return { of: 'firewall', like: (params as Params).like, scenario: 'sg-port-open' };
}

/** A port is opened to the world, at a twin of the firewall that nothing stands behind. Whoever watches firewalls must say so. */
export const sgPortOpen: Scenario = {
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
  params: paramsSchema,
  needs: ['open-port'],
  reach: 'owned',
  traffic: 'none',
  exposure: 'synthetic',
  breaksIdentity: false,
  residue: [],
  touchedBy: ['infrastructure', 'network', 'permissions', 'detection'],
  act: 'change',
  contact: (params) => ({ unit: 'twin', order: orderOf(params) }),
  timeConstants: () => [],
  objections: () => [],
  probes: () => [],
  prepare: (params, { deployment, runId, faults: { twins } }) => {
    if (twins === undefined) return [];
    const order = orderOf(params);
    const fault = { mode: 'open-port', port: portOf(params, runId), from: placeboNetwork } as const;
    return [...arms.map((arm) => twins.make(deployment, runId, arm, order)), twins.fault(deployment, runId, 'control', order, fault)];
  },
  inject: (params, { deployment, runId, faults: { twins } }) => {
    const from = (params as Params).from === 'world' ? '0.0.0.0/0' : nobodysNetwork;
    const fault = { mode: 'open-port', port: portOf(params, runId), from } as const;
    return twins === undefined ? [] : [twins.fault(deployment, runId, 'experiment', orderOf(params), fault)];
  },
};

function portOf(params: JsonObject, runId: string): number {
  return (params as Params).port ?? seededPort(runId);
}
