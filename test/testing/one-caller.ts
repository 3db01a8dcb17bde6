/** What Haldane may send itself, as a manifest says it: one request, of one caller whose token stands in TINY_TOKEN. Keys are at KEYS_URL. */
export function oneCaller(request: string): string {
  return `synthetic:
  identities:
    - { name: caller, token: { from: static, valueEnv: TINY_TOKEN } }
  requests:
    - { name: ${request}, path: /${request}, as: caller, protected: true }
  jwksUrl: \${KEYS_URL}
`;
}
