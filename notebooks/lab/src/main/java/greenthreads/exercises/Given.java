package greenthreads.exercises;

import greenthreads.lab.base.LabException;

/**
 * What a check cell hands to its check: the reader's answer, where it is written in Java. A method
 * has a time limit.
 */
final class Given {
  private final String exercise;
  private final Object[] values;
  private final Limited limited;

  Given(String exercise, Object[] values, Limited limited) {
    this.exercise = exercise;
    this.limited = limited;
    this.values = values == null ? new Object[] {null} : values.clone();
  }

  /**
   * One of the values.
   *
   * @param index which, from 0
   * @throws LabException if the cell hands over fewer
   */
  @SuppressWarnings("unchecked") // the chapter's check cell hands over this type
  <T> T get(int index) {
    if (index >= values.length) {
      throw new LabException(
          "Exercise.check(\"%s\", …) wants more: the check's cell is no longer as it came."
              .formatted(exercise));
    }
    return (T) limited.of(values[index]);
  }
}
