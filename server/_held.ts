/**
 * Letting go of what a collection held.
 *
 * @module
 */

/**
 * What a collection refers to, in place of the value itself, so that nothing else refers to that
 * once it is let go of. When V8's sets, maps and arrays grow or shrink, they leave their old tables
 * behind; where those have become old, all that they refer to is copied along with what is in use,
 * until the old is collected too.
 */
export class Held<T> {
  /** Null once it has been let go of. */
  value: T | null;

  constructor(value: T) {
    this.value = value;
  }
}
