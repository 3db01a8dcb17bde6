import type { Hook } from './aws-calls.ts';

/** CodeDeploy's own, by the names that it gives them. */
export function ofCodeDeploy(hooks: readonly Hook[]): Hook | undefined {
  return hooks.find(({ name }) => name.startsWith('CodeDeploy-'));
}

/** The owner's: what CodeDeploy does at its own is asked otherwise. */
function atLaunch(hooks: readonly Hook[]): readonly string[] {
  return hooks.filter((hook) => hook.isAtLaunch && ofCodeDeploy([hook]) === undefined).map(({ name }) => name);
}

/**
 * Arms are made without hooks: whoever listens to one would work on instances of the run, unasked. So an owner who has some at launch says which of
 * them an instance can be without; else the arms would not be what production is.
 */
export function hookRefusals(source: string, revision: string, hooks: readonly Hook[], left: readonly string[]): readonly string[] {
  const missed = atLaunch(hooks).filter((name) => !left.includes(name));
  if (missed.length === 0) return [];
  const needed = [...new Set([...left, ...missed])].join(', ');
  return [
    `group ${source} has lifecycle hook ${missed.join(', ')} at the launch of instances, and arms are made without hooks: they would begin without what is done there. If an instance serves as well without it, write withoutHooks: [${needed}] under "deployed" in the service's file; else do it in the image or the user data of ${revision}`,
  ];
}

/** What a plan says of hooks that stand and that arms are without. */
export function hookNotes(source: string, hooks: readonly Hook[]): readonly string[] {
  const launching = atLaunch(hooks);
  const ending = hooks.filter(({ isAtLaunch }) => !isAtLaunch).map(({ name }) => name);
  return [
    ...(launching.length === 0
      ? []
      : [
          `Instances of both arms begin without lifecycle hook ${launching.join(', ')} of ${source}, as the service's file allows: what differs by it differs between production and both arms, not between the arms.`,
        ]),
    ...(ending.length === 0
      ? []
      : [
          `Instances of both arms end without lifecycle hook ${ending.join(', ')} of ${source}: what it does at an end, like keeping logs or giving up a name somewhere else, is not done for them.`,
        ]),
  ];
}
