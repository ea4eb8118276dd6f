// What the backtracking matcher may spend: steps for one search, and steps for a whole message. Whoever runs patterns
// hands it in and asks it afterwards whether something was given up: such a pattern's answer is not known.

/** Steps for one pattern over one text; some twenty million pass in a second. */
export const STEPS_ONE_MAX = 500_000;
/** Steps for all patterns over one message. */
export const STEPS_ALL_MAX = 3_000_000;

export class Effort {
  private given = 0;
  private over = 0;

  constructor(
    private left = STEPS_ALL_MAX,
    private readonly oneMax = STEPS_ONE_MAX,
  ) {}

  /** How often a search was given up; a caller compares before and after. */
  get givenUp(): number {
    return this.over;
  }

  /** Whether nothing is left to spend. */
  get exhausted(): boolean {
    return this.left <= 0;
  }

  /** The steps the next search may take. */
  stepsForOne(): number {
    this.given = Math.min(this.oneMax, this.left);
    return this.given;
  }

  /** What is left of them. */
  spent(left: number): void {
    this.left -= this.given - Math.max(0, left);
  }

  giveUp(): void {
    this.over++;
  }
}
