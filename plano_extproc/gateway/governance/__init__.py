"""What governed agents may do, and the record of what they did."""
