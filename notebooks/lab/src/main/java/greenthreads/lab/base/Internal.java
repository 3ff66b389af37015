package greenthreads.lab.base;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Public for the lab's other packages, and nothing that a cell would call.
 *
 * <p>All else that can be reached from {@code Lab} is for cells: it has Javadoc, and takes and
 * returns nothing from the packages that cells do not see.
 */
@Target({ElementType.METHOD, ElementType.CONSTRUCTOR})
@Retention(RetentionPolicy.RUNTIME)
public @interface Internal {}
