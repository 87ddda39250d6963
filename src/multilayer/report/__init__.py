"""What a run folder holds, collected for the HTML report."""
