-- What is due is found by its lane (`submissions_due`), and a transmission that is overdue among those that transmit.
drop index submissions_next_due;
