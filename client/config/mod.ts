/**
 * The files that people have for `ssh`: `~/.ssh/config`.
 *
 * @module
 */

export { ConfigError, type ConfigPlace } from "./config_error.ts";
export * from "./connect_options.ts";
export * from "./context.ts";
export * from "./forwards.ts";
export * from "./jump_hosts.ts";
export * from "./lines.ts";
export * from "./options.ts";
export * from "./parse_ssh_config.ts";
