"""What comes from outside, texts, files and answers, is read or refused with an error of ours."""
