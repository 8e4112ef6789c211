"""What would happen, told without laying out a take: `plan` counts and sums, `budgeting` asks if money suffices."""
