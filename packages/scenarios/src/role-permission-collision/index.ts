import type { Scenario } from '@haldane/core';
import { atTwins } from '../at-twins.ts';

/** A role is denied a right that it has, at a twin that nobody can assume. Whoever watches rights must say who collided with whom. */
export const rolePermissionCollision: Scenario = atTwins({
  id: 'role-permission-collision',
  version: 1,
  about: {
    title: 'A role that others share is denied a right that it has',
    when: 'a policy is written into a role that denies what another policy of it allows',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'an alert reaches the owner in time that names the role, the policy and its author, before anybody has to guess from refusals',
    injection:
      "A role is made for each arm that nobody can assume and that a boundary leaves no right, with one right written into it. At the experiment's a policy denies that right, at control's one allows it once more, which must raise no alert. The service's own role is only read. Whether a service that uses the role degrades as it should is not shown: nobody uses a twin.",
    undo: 'The policy is taken away, and the roles are deleted. Whatever Haldane leaves behind carries an expiry that a sweep acts on.',
    detection:
      'An alert "role denied" to the owner of the role, with the role, the policy, the account and who wrote it. That a role was made is the heartbeat: an alert whose rule has "heartbeat" in its name must come of it.',
    mapping: { attack: ['T1098.003', 'T1531'], owasp: ['API8:2023'], cwe: ['CWE-266', 'CWE-732'] },
  },
  of: 'role',
  like: "the service's role, by name, that a twin is made of",
  touchedBy: ['infrastructure', 'permissions', 'detection'],
  mode: 'colliding-right',
  harm: () => ({ mode: 'colliding-right', effect: 'deny' }),
  placebo: () => ({ mode: 'colliding-right', effect: 'allow' }),
});
