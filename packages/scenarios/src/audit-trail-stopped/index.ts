import type { Scenario } from '@haldane/core';
import { atTwins } from '../at-twins.ts';

/** An audit trail stops recording: a twin, that records nothing which anybody needs. Whoever watches trails must say so, by a way that does not need this one. */
export const auditTrailStopped: Scenario = atTwins({
  id: 'audit-trail-stopped',
  version: 1,
  about: {
    title: 'An audit trail stops recording',
    when: 'somebody stops a trail that writes down who did what',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'an alert reaches security in time, by a way that does not need that trail, and names the trail and who stopped it',
    injection:
      "A trail is made for each arm, with a bucket of its own, that records only what happens in a bucket that is not there: nothing. The experiment's is stopped; control's begins to sign what it records, which must raise no alert. The service's own trail is only read, and no other is touched: nothing that happens meanwhile goes unrecorded.",
    undo: 'The trail records again, and the trails are deleted with their buckets. Whatever Haldane leaves behind carries an expiry that a sweep acts on.',
    detection:
      'An alert "trail stopped" to security, with the trail, the account and who stopped it. That a trail was made is the heartbeat: an alert whose rule has "heartbeat" in its name must come of it.',
    mapping: { attack: ['T1685.002'], owasp: ['API8:2023'], cwe: ['CWE-778'] },
  },
  of: 'trail',
  like: "the service's audit trail, by name, that a twin is made of",
  touchedBy: ['infrastructure', 'permissions', 'detection'],
  mode: 'stopped-trail',
  harm: () => ({ mode: 'stopped-trail', by: 'stopping' }),
  placebo: () => ({ mode: 'stopped-trail', by: 'signing' }),
});
