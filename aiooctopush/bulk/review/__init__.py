"""What a run left undecided: decisions by people, and delivery receipts."""
