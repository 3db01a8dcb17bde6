import { type Finding, readDocument } from '@haldane/documents';
import { appFileSchema } from './app-file.schema.ts';

/** What is asked of a deploy to a protected environment before it may go on. */
export type DeployRule = {
  /** owner/name */
  readonly repository: string;
  /** GitHub's name of the environment that is protected. */
  readonly environment: string;
  readonly service: string;
  /** The service's environment where the revision is tried out, and whose gate is asked. */
  readonly testedIn: string;
  readonly experiments: readonly string[];
  /** Only those are run that the deploy needs. `checkout`: a clone of the repository on the disk of this Haldane. */
  readonly choose?: { readonly checkout?: string; readonly paths: readonly string[]; readonly maxMinutes?: number };
  readonly inconclusive: 'approve' | 'wait' | 'reject';
};

/** Haldane as a GitHub App. Secrets are names of variables. */
export type GitHubAppFile = {
  readonly app: string;
  readonly privateKeyEnv: string;
  readonly webhookSecretEnv: string;
  readonly api: string;
  readonly link?: string;
  readonly deploys: readonly DeployRule[];
};

/** Reads haldane.github.yaml. Throws `bad-document` with every problem, its path, line and fix. */
export function readGitHubApp(text: string, source: string): GitHubAppFile {
  return readDocument<GitHubAppFile>({ text, source, what: 'description of a GitHub App', schema: appFileSchema, check: twice });
}

/** A rule's name: GitHub does not tell capitals apart in either. */
export function ruleName({ repository, environment }: Pick<DeployRule, 'repository' | 'environment'>): string {
  return `${repository} ${environment}`.toLowerCase();
}

function twice({ deploys }: GitHubAppFile): readonly Finding[] {
  const names = deploys.map(ruleName);
  return names.flatMap((name, at) =>
    names.indexOf(name) === at
      ? []
      : [{ about: 'value' as const, keys: ['deploys', at], message: 'this repository and environment have a rule already' }],
  );
}
