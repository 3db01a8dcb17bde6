// biome-ignore-all lint/suspicious/noTemplateCurlyInString: documents write variables like this
/** Values that `${NAME}` and `${NAME:-default}` may name. Passed in: nothing here reads the process. */
export type EnvironmentMap = Readonly<Record<string, string | undefined>>;

/** The text with every reference replaced, and what is wrong with those that could not be. */
export type Interpolated = { readonly text: string; readonly replaced: boolean; readonly wrong: readonly string[] };

/** Replaces `${NAME}` and `${NAME:-default}`; `$${` stands for a plain `${`. An empty variable takes the default. */
export function interpolate(text: string, env: EnvironmentMap): Interpolated {
  const wrong: string[] = [];
  let replaced = false;
  const out = text.replaceAll(/\$\$\{|\$\{([^}]*)\}|\$\{/g, (whole: string, inside: string | undefined) => {
    if (whole === '$${') return '${';
    if (inside === undefined) {
      wrong.push('has a "${" that is never closed; add the "}", or write "$${" for a plain "${"');
      return whole;
    }
    const match = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inside);
    if (!match) {
      wrong.push(`has "${whole}", which names no variable; write \${NAME} or \${NAME:-default}`);
      return whole;
    }
    replaced = true;
    const [, name = '', fallback] = match;
    const found = Object.hasOwn(env, name) ? env[name] : undefined;
    if (found !== undefined && (found !== '' || fallback === undefined)) return found;
    if (fallback !== undefined) return fallback;
    wrong.push(`needs the variable ${name}, which is not set; set it, or give a default: \${${name}:-default}`);
    return '';
  });
  return { text: out, replaced, wrong };
}
