/**
 * Drives Chromium, without a window.
 *
 * @module
 */

// What a test drives a browser with is no dependency of the library.
// deno-lint-ignore no-import-prefix
import { type Browser, chromium, type Page } from "npm:playwright-core@1.65.1";

export type { Browser, Page } from "npm:playwright-core@1.65.1";

/** What a browser that tests a page has no need of: its display, its updates, its own traffic. */
const FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  "--no-sandbox",
];

/** A name that the browser finds on this machine, and does not trust as it does `127.0.0.1`. */
export const INSECURE_HOST = "insecure.test";

/**
 * Starts Chromium, with an empty profile of its own that goes when the browser is closed.
 *
 * @param path The program.
 */
export function launchChromium(path: string): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    headless: true,
    args: [...FLAGS, `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`],
  });
}

/** Files that a page consists of, by their paths; `/` is the page, and empty unless given. */
export type PageFiles = Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;

/** Serves files on this machine, on a port of its own. */
export function servePage(files: PageFiles): { port: number } & AsyncDisposable {
  const all: PageFiles = {
    "/": "<!doctype html><title>sshflow</title>",
    ...files,
  };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request) => {
    const { pathname } = new URL(request.url);
    const file = Object.hasOwn(all, pathname) ? all[pathname] : undefined;
    const type = pathname.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
    return file === undefined
      ? new Response(null, { status: pathname === "/favicon.ico" ? 204 : 404 })
      : new Response(file, { headers: { "content-type": type } });
  });
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A page that is open, and what it complained of. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors that nobody caught, and what was written to the console as an error. */
  readonly errors: readonly string[];
}

/** Opens a page of {@linkcode servePage}. */
export async function openPage(browser: Browser, url: string): Promise<OpenPage> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => void errors.push(error.stack ?? String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, [Symbol.asyncDispose]: () => page.close() };
}
