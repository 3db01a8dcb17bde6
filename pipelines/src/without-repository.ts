/** How git finds its settings, itself and a server, which is the same whatever the repository. */
const kept =
  /^GIT_(CONFIG_(COUNT|KEY_\d+|VALUE_\d+|GLOBAL|SYSTEM|NOSYSTEM)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH|SSH|SSH_COMMAND|SSH_VARIANT|SSL_\w+|ASKPASS|TERMINAL_PROMPT)$/;

/**
 * An environment in which git works on the repository of the folder where it is started, and on no other: a git hook, say, begins what it runs with
 * GIT_DIR and GIT_INDEX_FILE, and git obeys them before it looks at the folder.
 */
export function withoutRepository(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || (name.startsWith('GIT_') && !kept.test(name)) ? [] : [[name, value]],
    ),
  );
}
