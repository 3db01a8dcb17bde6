/** A value that survives a round trip through JSON unchanged. Everything that is stored or sent is made of it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
