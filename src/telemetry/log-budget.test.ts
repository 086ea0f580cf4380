import assert from "node:assert/strict";
import { test } from "node:test";
import { BUDGET_LINES_MAX, BUDGET_MAX_CHARS, BUDGET_STACKS_MAX, BUDGET_WINDOW_MS, LogBudget } from "./log-budget.ts";

test("lines above the budget are counted, until a new window begins", () => {
  const budget = new LogBudget();
  let written = 0;
  for (let line = 0; line < BUDGET_LINES_MAX + 7; line++) if (budget.takeLine(1, 0)) written++;
  assert.equal(written, BUDGET_LINES_MAX);
  assert.equal(budget.takeDropped(), 7);
  assert.equal(budget.takeDropped(), 0);
  assert.equal(budget.takeLine(1, BUDGET_WINDOW_MS - 1), false);
  assert.equal(budget.takeLine(1, BUDGET_WINDOW_MS), true);
});

test("few long lines spend it as well", () => {
  const budget = new LogBudget();
  assert.equal(budget.takeLine(BUDGET_MAX_CHARS - 1, 0), true);
  assert.equal(budget.takeLine(2, 0), false);
  assert.equal(budget.takeLine(1, 0), true);
});

test("so many stacks are mapped in a window, the others are logged as they came", () => {
  const budget = new LogBudget();
  budget.takeLine(1, 0);
  for (let stack = 0; stack < BUDGET_STACKS_MAX; stack++) assert.equal(budget.takeStack(), true);
  assert.equal(budget.takeStack(), false);
  budget.takeLine(1, BUDGET_WINDOW_MS);
  assert.equal(budget.takeStack(), true);
});
