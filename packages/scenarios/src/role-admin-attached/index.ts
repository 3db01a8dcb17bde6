import type { Scenario } from '@haldane/core';
import { atTwins } from '../at-twins.ts';

/** A role is given all rights, at a twin that nobody can assume. Whoever watches rights must say so. */
export const roleAdminAttached: Scenario = atTwins({
  id: 'role-admin-attached',
  version: 1,
  about: {
    title: 'A role of a workload is given all rights',
    when: 'a policy that allows everything is attached to a role',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'an alert reaches the owner and security in time that names the role, the policy and who attached it',
    injection:
      "A role is made for each arm that nobody can assume, with a boundary that leaves it no right whatever it is given. At the experiment's a policy that allows everything is attached (by default with nothing but a bucket that is not there; with policy: administrator the account's own), at control's one that denies everything, which must raise no alert. The service's own role is only read.",
    undo: 'The policy is detached, and the roles are deleted with the policies of their own. Whatever Haldane leaves behind carries an expiry that a sweep acts on.',
    detection:
      'An alert "admin attached" to the owner of the role and to security, with the role, the policy, the account and who attached it. That a role was made is the heartbeat: an alert whose rule has "heartbeat" in its name must come of it.',
    mapping: { attack: ['T1098.003', 'T1548'], owasp: ['API5:2023'], cwe: ['CWE-269'] },
  },
  of: 'role',
  like: "the service's role, by name, that a twin is made of",
  params: {
    policy: {
      type: 'string',
      enum: ['own', 'administrator'],
      default: 'own',
      description:
        'what is attached: own (a policy of the run’s, that allows everything with a bucket that is not there), or administrator (AdministratorAccess)',
    },
  },
  touchedBy: ['infrastructure', 'permissions', 'detection'],
  mode: 'all-rights',
  harm: ({ policy }) => ({ mode: 'all-rights', to: policy === 'administrator' ? 'account' : 'own' }),
  placebo: () => ({ mode: 'all-rights', to: 'nothing' }),
});
