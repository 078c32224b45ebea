/**
 * What is to be forwarded: LocalForward, RemoteForward, DynamicForward.
 *
 * @module
 */

/** One end of a forwarding: a port of a host, or a UNIX socket. */
export type ForwardEnd =
  | {
    /** A name or address; `*` or an empty one are all addresses. */
    readonly hostname: string;
    /** From 1 to 65535; where a server listens, it chooses if it is 0. */
    readonly port: number;
  }
  | {
    /** The path of a UNIX socket. */
    readonly path: string;
  };

/** Where somebody listens: without a host's name, whom GatewayPorts lets come, may come. */
export type ForwardSource = ForwardEnd | { readonly port: number };

/** A forwarding. */
export interface Forward {
  /** Where connections come in. */
  readonly listen: ForwardSource;
  /** Where they go; null if each says for itself, by SOCKS. */
  readonly connect: ForwardEnd | null;
}

/** A part of a specification. */
interface Field {
  readonly text: string;
  readonly isPath: boolean;
}

/** With this the longest of all names has room. */
const MAX_HOST_CHARACTERS = 1024;

/**
 * Reads what is to be forwarded, in the form of `ssh -L`, `-R` and `-D`.
 *
 * @param options `isDynamic`: nothing is said of where to. `isRemote`: the server listens.
 * @returns Null if it is not in that form.
 */
export function parseForward(
  text: string,
  { isDynamic, isRemote }: { isDynamic: boolean; isRemote: boolean },
): Forward | null {
  const fields = fieldsOf(text);
  if (fields === null) return null;
  const [listen, connect] = isDynamic ? [sourceOf(fields), null] : endsOf(fields);
  if (listen === null || connect === undefined) return null;
  if ("port" in listen && listen.port === 0 && !isRemote) return null;
  if (connect !== null && "port" in connect && connect.port === 0) return null;
  return { listen, connect };
}

/** Both ends, of which either takes one field or two. */
function endsOf(fields: readonly Field[]): [ForwardSource | null, ForwardEnd | undefined] {
  const connecting = fields[fields.length - 1]?.isPath ? 1 : 2;
  const target = endOf(fields.slice(-connecting));
  return [sourceOf(fields.slice(0, -connecting)), target ?? undefined];
}

function sourceOf(fields: readonly Field[]): ForwardSource | null {
  const [only] = fields;
  if (fields.length !== 1 || only === undefined || only.isPath) return endOf(fields);
  const port = portOf(only.text);
  return port === null ? null : { port };
}

function endOf(fields: readonly Field[]): ForwardEnd | null {
  const [first, second] = fields;
  if (first === undefined || fields.length > 2) return null;
  if (second === undefined) return first.isPath ? { path: first.text } : null;
  const port = portOf(second.text);
  if (port === null || first.isPath || first.text.length > MAX_HOST_CHARACTERS) return null;
  return { hostname: first.text, port };
}

function portOf(text: string): number | null {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 65536;
  return port <= 65535 ? port : null;
}

/** Cuts at colons, but for those in brackets, and those behind a backslash. */
function fieldsOf(text: string): Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at <= text.length;) {
    if (fields.length === 4) return null;
    if (text[at] === "[") {
      const close = text.indexOf("]", at);
      if (close === -1 || (text[close + 1] ?? ":") !== ":") return null;
      const inside = text.slice(at + 1, close);
      fields.push({ text: inside, isPath: inside.startsWith("/") });
      at = close + 2;
      continue;
    }
    let field = "";
    for (; at < text.length && text[at] !== ":"; at++) {
      if (text[at] === "\\" && at + 1 < text.length) at++;
      field += text[at];
    }
    fields.push({ text: field, isPath: field.includes("/") });
    at++;
  }
  return fields;
}
