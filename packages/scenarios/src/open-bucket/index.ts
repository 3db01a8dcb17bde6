import type { Scenario } from '@haldane/core';
import { atTwins } from '../at-twins.ts';
import { networkOf, strangersParam } from '../strangers.ts';

/** A bucket is opened to readers, at a twin that holds nothing. Whoever watches buckets must say so. */
export const openBucket: Scenario = atTwins({
  id: 'open-bucket',
  version: 1,
  about: {
    title: 'A bucket is opened to readers who need no credentials',
    when: 'the block on public access is taken off a bucket, and its policy lets strangers read',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'an alert reaches the owner in time that names the bucket, whom the policy lets in and who wrote it',
    injection:
      "A bucket is made for each arm, with one object without content, and public access to it blocked. At the experiment's the block is taken off and a policy lets strangers read; at control's a policy refuses requests without TLS, which must raise no alert. The service's own bucket is only read, and of it only its settings. What blocks public access in the whole account is respected: where it stands in the way, the plan says so and nothing is made.",
    undo: 'The policy is taken away, public access blocked again, and the buckets are deleted. Whatever Haldane leaves behind carries an expiry that a sweep acts on.',
    detection:
      'An alert "bucket open" to the owner of the data, with the bucket, the policy, the account and who wrote it. That a bucket was made is the heartbeat: an alert whose rule has "heartbeat" in its name must come of it.',
    mapping: { attack: ['T1530'], owasp: ['API8:2023'], cwe: ['CWE-732', 'CWE-284'] },
  },
  of: 'bucket',
  like: "the service's bucket, by name, that a twin is made of; what lies in it is not looked at",
  params: {
    to: strangersParam('who may read: documentation (198.51.100.0/24, which is nobody, and to AWS not yet public), or world (everybody)'),
  },
  touchedBy: ['infrastructure', 'permissions', 'detection'],
  mode: 'open-bucket',
  harm: (params) => ({ mode: 'open-bucket', to: networkOf(params['to']) }),
  placebo: () => ({ mode: 'open-bucket', to: null }),
});
