"""What a result is charged for: each takes (result, target), (B, C, H, W), and returns one number."""
