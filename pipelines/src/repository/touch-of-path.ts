import type { Touch } from '@haldane/core';

/** What a path says by itself. `null`: nothing that a deploy takes along. `read`: its text must be looked at. */
export type PathSays = Touch | null | 'read';

/** In this order: the first that fits. Only what is certain has a line; the rest is unknown, and so everything. */
const rules: readonly (readonly [RegExp, PathSays])[] = [
  // What decides who may come in, or what is built, is looked at before its ending is.
  [/(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json)$/, 'read'],
  [
    /(^|\/)(yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|go\.(mod|sum)|cargo\.(toml|lock)|gemfile(\.lock)?|composer\.(json|lock))$/i,
    'dependencies',
  ],
  [
    /(^|\/)(requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(py|cfg)|(poetry|uv|pdm|pipfile)\.lock|pipfile)$/i,
    'dependencies',
  ],
  [/(^|\/)(pom\.xml|[^/]*\.gradle(\.kts)?|gradle\.lockfile|[^/]*\.csproj|packages\.lock\.json|mix\.(exs|lock))$/i, 'dependencies'],
  [/(^|\/)([^/]*\.)?(dockerfile|containerfile)(\.[^/]*)?$|(^|\/)\.dockerignore$/i, 'build'],
  [/(^|\/)(makefile|jenkinsfile|procfile|justfile|taskfile\.ya?ml|buildspec[^/]*\.ya?ml|\.gitlab-ci\.yml|cloudbuild\.ya?ml)$/i, 'build'],
  [/^\.(github\/workflows|circleci|buildkite|ci)\//, 'build'],
  [
    /(^|\/)(tsconfig[^/]*\.json|turbo\.json|nx\.json|\.npmrc|\.nvmrc|\.node-version|\.tool-versions|\.swcrc|\.babelrc|(babel|webpack|rollup|vite|esbuild)\.config\.[a-z]+)$/,
    'build',
  ],
  [/(^|\/)(docs?\/([^/]+\/)*)?[^/]+\.(md|mdx|rst|adoc)$/i, null],
  [/(^|\/)(licen[cs]e|notice|authors|changelog|codeowners|\.gitignore|\.gitattributes|\.editorconfig|\.mailmap)(\.txt)?$/i, null],
  [/^\.github\/(issue_template\/|pull_request_template|funding)/i, null],
  [/(^|\/)__tests__\/|^tests?\/|(^|\/)src\/test\/|\.(test|spec)\.[cm]?[jt]sx?$|_test\.(go|py)$|(^|\/)test_[^/]+\.py$/, null],
  [/(^|\/)migrations?\/|\.sql$|\.prisma$/, 'data'],
  [/\.(tf|hcl)$/, 'read'],
  [/\.tfvars(\.json)?$/, 'infrastructure'],
  [/(^|\/)\.env(\.[^/]*)?$|\.(properties|ini|conf|cfg|toml|env)$|(^|\/)(config|conf|settings)\/[^/]+\.(json|ya?ml)$/, 'configuration'],
  [/(^|\/)(application|appsettings|settings|config)(-[^/]*|\.[^/]*)?\.(json|ya?ml)$/i, 'configuration'],
  [/\.(ya?ml|json)$/, 'read'],
  [
    /\.([cm]?[jt]sx?|vue|svelte|py|go|java|kt|kts|scala|groovy|clj|rb|php|rs|c|h|cc|cpp|hpp|cs|fs|ex|exs|erl|swift|lua|pl|sh|html?|css|proto|graphql)$/,
    'code',
  ],
];

/** What a changed file touches, as far as its path says it. */
export function touchOfPath(path: string): PathSays {
  const rule = rules.find(([pattern]) => pattern.test(path));
  return rule === undefined ? 'unknown' : rule[1];
}
