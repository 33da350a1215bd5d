"""What the readers of public data sets share: archives, arrays, label maps, and the image that they yield."""
