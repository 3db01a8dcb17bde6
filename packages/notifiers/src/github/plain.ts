/** Words from outside as words: they make no markup, no line of their own, and mention nobody. */
export function plain(text: string): string {
  return (
    text
      .replace(/\p{Cc}+/gu, ' ')
      .replace(/[\\`*_{}[\]<>#|~&]/g, (char) => `\\${char}`)
      // A mark of no width keeps names from being called and numbers from being linked.
      .replace(/@(?=[A-Za-z0-9])/g, '@\u200b')
  );
}
