"""What the limits cost an allowed request, and how little work a refused one takes."""
